"""A run as JUnit XML, which build servers show."""

from xml.etree import ElementTree

from precompile_conformance.reports.report import Report, TesteeReport
from precompile_conformance.status import Result, Status

_SKIPPED = (Status.NOT_APPLICABLE, Status.XFAIL)


def render(report: Report) -> str:
    """The XML text."""
    root = ElementTree.Element("testsuites", name=f"precompile-conformance v{report.version}")
    for testee in report.testees:
        root.append(_suite(testee))
    if report.faults:
        suite = ElementTree.SubElement(root, "testsuite", name="harness", errors="1", tests="1")
        case = ElementTree.SubElement(suite, "testcase", classname="harness", name="faults")
        ElementTree.SubElement(case, "error", message="; ".join(report.faults))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(testee: TesteeReport) -> ElementTree.Element:
    counts = testee.counts()
    suite = ElementTree.Element(
        "testsuite",
        name=_printable(f"{testee.claims.name} {testee.claims.version}"),
        tests=str(len(testee.results)),
        errors=str(counts[Status.ERROR]),
        skipped=str(sum(counts[status] for status in _SKIPPED)),
        failures=str(sum(n for s, n in counts.items() if not s.is_good and s != Status.ERROR)),
        time=f"{sum(result.seconds for result in testee.results):.3f}",
    )
    for result in testee.results:
        suite.append(_case(result))
    return suite


def _case(result: Result) -> ElementTree.Element:
    area, _, name = result.case_id.partition("/")
    case = ElementTree.Element("testcase", classname=area, name=name, time=f"{result.seconds:.3f}")
    if result.status is Status.PASS:
        return case
    kind = "skipped" if result.status in _SKIPPED else "failure"
    kind = "error" if result.status is Status.ERROR else kind
    message = f"{result.status}: {result.observed}"
    told = ElementTree.SubElement(case, kind, message=_printable(message))
    told.text = _printable("\n".join(result.lines))
    return case


def _printable(text: str) -> str:
    """The text without characters that XML cannot hold; a testee's output may hold any."""
    return "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)
