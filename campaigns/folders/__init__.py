"""A campaign folder: its definition, its words, and what is wrong with them."""

from campaigns.folders.cost import SmsCost, sms_cost
from campaigns.folders.definition import Definition, parse_definition
from campaigns.folders.linting import LintProblem, lint_folder, lint_together
from campaigns.folders.reading import (
    CampaignFolder,
    compiled_content,
    digest_of,
    folder_of,
    load_site,
    place_of,
    read_files,
    read_folder,
    read_own,
    read_shared,
)
from campaigns.folders.samples import render_sample, sample_ways

__all__ = [
    "CampaignFolder",
    "Definition",
    "LintProblem",
    "SmsCost",
    "compiled_content",
    "digest_of",
    "folder_of",
    "lint_folder",
    "lint_together",
    "load_site",
    "parse_definition",
    "place_of",
    "read_files",
    "read_folder",
    "read_own",
    "read_shared",
    "render_sample",
    "sample_ways",
    "sms_cost",
]
