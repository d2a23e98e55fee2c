"""Search by example in embeddings: where is it like here, and which patches are like this one?"""
