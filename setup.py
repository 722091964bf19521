"""The distribution `temporec`. Its exact environment is in requirements/, a lock file for each lane."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="temporec",
    version="0.1.0",
    description="From raw interaction logs to a tested, gated and served next-item recommender.",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["schemas*", "serving*", "trainer*", "components*", "pipeline*"]),
    package_data={"schemas": ["*.pbtxt"], "pipeline": ["configs/*.yaml", "report/templates/*"]},
    install_requires=[
        "apache-beam",
        "dill",  # tfx-bsl imports it without naming it
        "grpcio-health-checking",
        "jinja2",
        "kfp",
        "numpy",
        "plotly",
        "pyarrow",
        "pydantic>=2",
        "pyyaml",
        "rich",
        "scipy",
        "tensorboard",
        "tensorflow",
        "tensorflow-recommenders",
        "tensorflow-serving-api",
        "tf-keras",
        "tfx>=1.16",
        "typer",
    ],
    extras_require={"wandb": ["wandb>=0.20"]},
    entry_points={"console_scripts": ["temporec = pipeline.cli:main"]},
)
