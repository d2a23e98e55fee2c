"""What tests of geoloom, and of code on top of it, can use: known truth, generated grids, fakes."""
