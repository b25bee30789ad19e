"""The servers that Photon is compared with: each is written as its library's documentation
recommends, in one file.

All read ready texts from the tape and send each to the clients that want its symbol; none
compresses. ``bench.servers`` starts them with the tape's port; each prints its own port.
"""
