"""The stock clients in Java, which Maven builds."""

from __future__ import annotations

from functools import cache

from tests import toolchains
from tests.local_run import ROOT

FOLDER = ROOT / "tests" / "stock_clients" / "java"
BUILT = ROOT / ".local" / "stock_clients" / "java"  # as in pom.xml
# Maven ends before thorough compilation of its own code, or several threads of garbage collection, would pay.
_QUICKLY = {"MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@cache
def command(main: str) -> list[str]:
    """The command that runs this class. Skips the test without Java and Maven."""
    toolchains.need(["javac", "--version"], "Java (Debian: apt-get install default-jdk-headless)", at_least=(17,))
    toolchains.need(["mvn", "--version"], "Maven (Debian: apt-get install maven)")
    class_path = BUILT / "class_path"
    with toolchains.alone(FOLDER / "pom.xml"):
        if not class_path.exists() or class_path.stat().st_mtime < _changed():
            # Also downloads the plug-ins of the build, which then needs no network.
            listed = f"-Dmdep.outputFile={class_path}.new"
            command = ["mvn", "-q", "-B", "compile", "dependency:build-classpath", listed]
            toolchains.download(command, FOLDER, _QUICKLY)
            class_path.with_suffix(".new").replace(class_path)
    jars = class_path.read_text(encoding="utf-8").strip()
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILT / 'classes'}:{jars}", main]


def _changed() -> float:
    return max(file.stat().st_mtime for file in FOLDER.rglob("*") if file.is_file())
