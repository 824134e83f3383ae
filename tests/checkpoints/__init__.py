"""Tiny checkpoints of random weights in the true on-disk format, one for each family of retrieval models.

They run the real loading, processing and inference without a download; what they find means nothing. `networks` has
one row a family, `build` writes it to a folder, `variants` makes of it what users also come with (adapters, damaged
files), `bare` runs it as the libraries themselves do. A test asks for the fixture `shelf`:

    folder = shelf.folder("ColQwen2_5")
"""
