"""The packages and data files of the distribution `temporec`; pyproject.toml has everything else."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["schemas*", "serving*", "trainer*", "components*", "pipeline*"]),
    package_data={"schemas": ["*.pbtxt"], "pipeline": ["configs/*.yaml", "report/templates/*"]},
)
