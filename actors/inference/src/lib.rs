//! Runs embedding and language models on the CPU: weights in, vectors and tokens out.
