//! The product's actors: documents, OCR pool, embedding pool, model hosts, rule evaluators.
