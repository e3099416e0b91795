# Installs pywats-archive as a service of Windows. Run it in a PowerShell that was started as administrator.
$ErrorActionPreference = 'Stop'
$service = @{
    Name           = 'pywats-archive'
    DisplayName    = 'pywats-archive'
    Description    = 'Archives every test log before it is converted, and every report before it is sent.'
    BinaryPathName = '"C:\Program Files\pywats-archive\Scripts\python.exe" -m pywats_archive.cli.service_host pywats-archive C:\ProgramData\pyWATS\config.json'
    StartupType    = 'Automatic'
}
# The password is asked for. The account needs the right to log on as a service.
$service.Credential = Get-Credential -UserName '.\wats' -Message 'The account of the service'
New-Service @service
& "$env:SystemRoot\System32\sc.exe" config 'pywats-archive' start= delayed-auto
& "$env:SystemRoot\System32\sc.exe" failure 'pywats-archive' reset= 86400 actions= restart/10000/restart/60000/restart/300000
& "$env:SystemRoot\System32\sc.exe" failureflag 'pywats-archive' 1
