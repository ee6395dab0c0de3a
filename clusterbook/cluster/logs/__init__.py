"""What containers wrote, as the aggregator keeps it: asked for here, searched over there."""
