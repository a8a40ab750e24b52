variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "s3_endpoint_id" {
  description = "The gateway endpoint that the data bucket is read and written through."
  type        = string
}

variable "retention_days" {
  description = "Days until exports and backups end; the same as the platform's own retention of documents."
  type        = number
}

variable "undo_days" {
  description = "Days for which an erased or replaced object can still be brought back; part of the promise of erasure."
  type        = number
}

variable "log_days" {
  description = "Days for which access logs are kept."
  type        = number
}
