"""导入: files uploaded, their columns read, weighed, and taken in."""
