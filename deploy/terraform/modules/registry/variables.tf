variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts it."
  type        = string
}
