"""设置: what the product goes by. Each page stands in one frame, under tabs."""
