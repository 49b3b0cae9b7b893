"""Shared types -> tables, figures, one HTML page, and a table for the terminal."""

from easyhard.report.covariates import covariate_table, difficulty_by_covariate
from easyhard.report.distance import gain_by_distance, gain_by_distance_table, mean_by_distance
from easyhard.report.export import save_chart, side_by_side
from easyhard.report.heat_map import heat_map, heat_map_table
from easyhard.report.item_map import item_map, item_map_table
from easyhard.report.page import StudyDescription, write_calibration_report, write_report
from easyhard.report.terminal import matrix_table, print_matrix

__all__ = [
    "StudyDescription",
    "covariate_table",
    "difficulty_by_covariate",
    "gain_by_distance",
    "gain_by_distance_table",
    "heat_map",
    "heat_map_table",
    "item_map",
    "item_map_table",
    "matrix_table",
    "mean_by_distance",
    "print_matrix",
    "save_chart",
    "side_by_side",
    "write_calibration_report",
    "write_report",
]
