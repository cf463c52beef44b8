"""Models on one's own machine: which quantisation fits, split over which devices, and how fast it makes tokens."""

from weighbridge.estimate.inference.local.answer import Local as Local
from weighbridge.estimate.inference.local.answer import local as local
from weighbridge.estimate.inference.local.option import Option as Option
from weighbridge.estimate.inference.local.split import Host as Host
