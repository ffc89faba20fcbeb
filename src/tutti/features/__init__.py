"""Indicators over time and instruments: bars in, named features out, the same in bulk and live."""

from tutti.features.block import FeatureBlock
from tutti.features.families import FAMILIES, FEATURES, FeatureInfo, describe
from tutti.features.pipeline import FeaturePipeline

__all__ = ["FAMILIES", "FEATURES", "FeatureBlock", "FeatureInfo", "FeaturePipeline", "describe"]
