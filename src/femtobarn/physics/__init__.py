"""Kinematics, the analysis language, and the analyses written in it."""
