@echo off
rem Installs pywats-archive without a network: install.cmd [FOLDER]
rem PYTHON names the python.exe to use, if it is not found.
setlocal
rem No program is started from the current folder, which others may be able to write to.
set NoDefaultCurrentDirectoryInExePath=1
set /p version=<"%~dp0python-version.txt"
if defined PYTHON goto named
py -%version% -c "" >nul 2>nul
if not errorlevel 1 goto launcher
python -c "" >nul 2>nul
if not errorlevel 1 goto found
echo install.cmd: Python %version% is needed and is not found; install it, or name python.exe with: set PYTHON=C:\path\python.exe
exit /b 2

:named
"%PYTHON%" "%~dp0install.py" %*
exit /b %errorlevel%

:launcher
py -%version% "%~dp0install.py" %*
exit /b %errorlevel%

:found
python "%~dp0install.py" %*
exit /b %errorlevel%
