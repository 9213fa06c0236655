"""One chart declaration per kind of exhibit, for every medium: PDF and HTML take its SVG, the Dagster UI its PNG.

What a kind makes of an exhibit's columns:

| kind | x | y | series |
|---|---|---|---|
| line, stacked_area | month, number or text, in the order of the rows | value | one line or layer each |
| bar | category | value | bars side by side |
| stacked_bar | category | value | one layer each, the first at the bottom |
| heatmap | across | the cell's value | down |
| scatter | number | number | the point's name |
| calibration | what was expected | what came, on the same scale; right is on the diagonal | the point's name |
| waterfall | step; the first and the last are totals | signed yen; the steps lead from one to the other | – |
| lorenz | cumulative share of customers, 0 to 1 | cumulative share of the amount, 0 to 1 | one curve each |
"""

from crm_platform.reports.exhibits.chart import chart_spec, data_columns, exhibit_png, is_drawable
from crm_platform.reports.exhibits.drawing import png_of, svg_of
from crm_platform.reports.exhibits.rows_of import distinct, with_told

__all__ = ["chart_spec", "data_columns", "distinct", "exhibit_png", "is_drawable", "png_of", "svg_of", "with_told"]
