"""What Photon is compared with: each the program that its documentation recommends, in one file.

All read ready texts from the tape and hand each to the clients that asked for its symbol; none
compresses. Started by ``bench.servers`` with the tape's port; each prints its own port.
"""
