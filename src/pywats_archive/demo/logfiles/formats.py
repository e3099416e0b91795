"""Each format's way to write a unit down."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from xml.sax.saxutils import quoteattr

from pywats_archive.demo.logfiles.unit import Measurement, Unit


def wsjf(unit: Unit, *, report_id: str) -> bytes:
    """WATS Standard JSON Format: one test report."""
    steps = [_json_step(number, each) for number, each in enumerate(unit.measurements, 2)]
    verdict = "P" if unit.passed else "F"
    report = {
        "type": "T",
        "id": report_id,
        "pn": unit.part,
        "sn": unit.serial,
        "rev": unit.revision,
        "processCode": 10,
        "processName": "ICT",
        "result": verdict,
        "machineName": "ICT-03",
        "location": "Line 2",
        "purpose": "Production",
        "start": unit.started.isoformat(),
        "startUTC": unit.started.isoformat(),
        "root": {
            "id": 1,
            "group": "M",
            "stepType": "SequenceCall",
            "name": "MainSequence",
            "status": verdict,
            "seqCall": {"path": "C:\\Test", "name": "board.seq", "version": "4.1"},
            "steps": steps,
        },
        "uut": {"execTime": 12.5, "user": "line2", "comment": "generated"},
    }
    return json.dumps(report, indent=1).encode()


def _json_step(number: int, each: Measurement) -> dict[str, object]:
    verdict = "P" if each.passed else "F"
    measure = {
        "compOp": "GELE",
        "status": verdict,
        "unit": each.unit,
        "value": each.value,
        "lowLimit": each.low,
        "highLimit": each.high,
    }
    kind = {"id": number, "group": "M", "stepType": "ET_NLT", "name": each.name, "status": verdict}
    return {**kind, "totTime": 0.02, "numericMeas": [measure]}


def repair(unit: Unit, *, report_id: str, repaired_id: str) -> bytes:
    """WATS Standard JSON Format: one repair report."""
    moment = unit.started.isoformat()
    report = {
        "type": "R",
        "id": report_id,
        "pn": unit.part,
        "sn": unit.serial,
        "rev": unit.revision,
        "processCode": 500,
        "processName": "Repair",
        "result": "P",
        "machineName": "REPAIR-1",
        "location": "Repair shop",
        "purpose": "Repair",
        "start": moment,
        "startUTC": moment,
        "uur": {
            "comment": "component replaced",
            "user": "repair",
            "processCode": 10,
            "processName": "ICT",
            "refUUT": repaired_id,
            "confirmDate": moment,
            "finalizeDate": moment,
            "execTime": 0.0,
        },
        "miscInfos": [],
        "subUnits": [
            {"partType": "Main", "pn": unit.part, "rev": unit.revision, "sn": unit.serial, "idx": 0, "failures": []}
        ],
        "assets": [],
        "assetStats": [],
        "additionalData": [],
    }
    return json.dumps(report).encode()


def spea(unit: Unit) -> bytes:
    """SPEA 3030: semicolons, one board."""
    verdict, begun = "PASS" if unit.passed else "FAIL", unit.started
    ended = begun + timedelta(seconds=21)
    lines = [
        "FORMAT;mmdd",
        f"START;Programme;{unit.part}-TS;1.0.2;{unit.part};operator;{begun:%m/%d/%Y};{begun:%H:%M:%S}",
        "LOT;",
        f"SN;{unit.serial}",
    ]
    for number, each in enumerate(unit.measurements, 1):
        outcome = "PASS" if each.passed else "FAIL"
        value, low, high = (f"{number_:.6e}" for number_ in (each.value, each.low, each.high))
        lines.append(
            f"ANL;1;{each.name};{number};1;measure {each.name};;{outcome};{value};{low};{high};{each.unit};;{number}"
        )
    lines += [f"BOARDRESULT;{verdict}", f"END;{verdict};{ended:%m/%d/%Y};{ended:%H:%M:%S}"]
    return ("\r\n".join(lines) + "\r\n").encode()


def seica(unit: Unit) -> bytes:
    """Seica Viva XML: one board."""
    failures = sum(not each.passed for each in unit.measurements)
    begun, ended = unit.started, unit.started + timedelta(seconds=9)
    tests = "\n".join(
        f'<TEST F="ANALOG" NM={quoteattr(each.name)} MR="{each.value}" ML="{each.low}" MH="{each.high}" '
        f'MU={quoteattr(each.unit)} TR="{int(not each.passed)}" TT="110"/>'
        for each in unit.measurements
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<R>\n<FidMrk/>\n<PrgC SD="T"/>\n'
        f'<ST NMP="{unit.part}_{unit.revision}" NM="{unit.part}_{unit.revision}" BC="{unit.serial}" OP="operator"/>\n'
        f'<BI BCP="{unit.serial}" BC="" SD="{begun:%d-%m-%Y %H:%M:%S}" NT="{len(unit.measurements)}" NF="{failures}">\n'
        f'{tests}\n</BI>\n<ET BC="{unit.serial}" NF="{failures}" ED="{ended:%d-%m-%Y %H:%M:%S}"/>\n</R>\n'
    ).encode()


def xjtag(unit: Unit) -> bytes:
    """XJTAG: a zip of one run's XML and an index."""
    tests = "".join(
        f"<testgroup name={quoteattr(each.name)}><testfunction name={quoteattr(each.name + '.Test')}>"
        f'<result value="{_word(each.passed)}"/></testfunction></testgroup>'
        for each in unit.measurements
    )
    run = (
        f'<?xml version="1.0" encoding="utf-8"?><testrun datetime="{unit.started:%Y-%m-%dT%H:%M:%S}Z">{tests}'
        f"<testruninfo><serial>{unit.serial}</serial><user>operator</user><xjlink-name>XJ-1</xjlink-name>"
        f"<result>{_word(unit.passed)}</result><time-taken>5200</time-taken></testruninfo></testrun>"
    )
    index = "<LogFileInfo><Version>1</Version><TestRunCount>1</TestRunCount></LogFileInfo>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("Info.xml", index), ("Run 1.xml", run)):
            member = zipfile.ZipInfo(name, date_time=unit.started.timetuple()[:6])
            archive.writestr(member, text, compress_type=zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def klippel(unit: Unit) -> tuple[bytes, dict[str, bytes]]:
    """Klippel QC: a header file, and the files in the folder of its name."""
    begun = unit.started
    stamp = f"{begun.year}-{begun.month}-7-44-5-{begun.day}-{begun.hour}-{begun.minute}-{begun.second}-0-60-1.77E+09"
    header = (
        f"Cfg_DutStartTime={stamp}\nCfg_LoginMode=OPERATOR\nCfg_SerialNumber={unit.serial}\nCfg_Speaker=sp1\n"
        f"Cfg_UserName=operator\nCtrl_OverallVerdict={int(unit.passed)}\n"
    )
    values = "name\tvalue\tmax\tmin\n" + "".join(
        f"{each.name}\t{each.value}\t{each.high}\t{each.low}\n" for each in unit.measurements
    )
    curve = "frq\tresp\tmax\tmin\n" + "".join(f"{200 + 6 * n}.0\t{90 + n % 5}.0\t97.0\t83.0\n" for n in range(60))
    return header.encode(), {"Sound-values.txt": values.encode(), "Sound-resp.txt": curve.encode()}


def wsxf(unit: Unit, *, report_id: str) -> bytes:
    """WATS Standard XML Format: one test report."""
    verdict = _word(unit.passed)
    moment = unit.started.isoformat()
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Reports xmlns="http://wats.virinco.com/schemas/WATS/Report/wsxf">'
        f'<Report type="UUT" ID="{report_id}" Start="{moment}" Start_utc="{moment}" Result="{verdict}" '
        f'SN="{unit.serial}" PN="{unit.part}" Rev="{unit.revision}" MachineName="ICT-03" Location="Line 2" '
        f'Purpose="Production"><UUT UserLoginName="operator" ExecutionTime="12.5"/><Process Code="10" Name="ICT"/>'
        f'<Step Id="1" Group="Main" Name="MainSequence" StepType="SequenceCall" Status="{verdict}"/></Report></Reports>'
    ).encode()


def csv(unit: Unit) -> bytes:
    """A station's own CSV, without limits: those come in a file of their own."""
    lines = [f"# {unit.part};{unit.revision};{unit.serial};{unit.started.isoformat()}", "step;value;unit"]
    lines += [f"{each.name};{each.value};{each.unit}" for each in unit.measurements]
    return ("\n".join(lines) + "\n").encode()


def limits(unit: Unit) -> bytes:
    """The limits that belong to a CSV."""
    return "".join(f"{each.name};{each.low};{each.high}\n" for each in unit.measurements).encode()


def _word(passed: bool) -> str:
    return "Passed" if passed else "Failed"
