"""Scores from which on an answer counts, unless the user gives another."""

SCORE_THRESHOLD = 0.3  # of an object
EXPRESSION_THRESHOLD = 0.05  # below it nothing fits an expression; chosen on other images than it is measured on
