"""An image into a chip: debug probes, boot drives, ROM loaders.

May import `descriptors` and `firmware`.
"""
