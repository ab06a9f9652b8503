# SPDX-License-Identifier: 0BSD
"""Data only: the templates of the generated model and of the firmware around it."""
