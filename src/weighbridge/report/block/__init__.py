"""A model's layers as a picture."""

from weighbridge.report.block.picture import drawing as drawing
