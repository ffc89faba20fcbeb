"""Sources outside that are collected from: one connector a file, behind one small port."""
