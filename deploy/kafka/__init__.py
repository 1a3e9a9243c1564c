"""The topics of the network, and who may use them."""
