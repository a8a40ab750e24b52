//! Links between nodes: mutual TLS, credit, silence, gossip, and one gateway that always answers.
