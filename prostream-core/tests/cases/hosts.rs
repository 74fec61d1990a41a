//! Cases of hosts and clients: what happens when bytes do not come as they should.
