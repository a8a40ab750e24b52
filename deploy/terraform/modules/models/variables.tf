variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)
}

variable "copy_subnet_arn" {
  description = "The subnet that DataSync works in."
  type        = string
}

variable "security_group_id" {
  description = "The file system's security group."
  type        = string
}

variable "security_group_arn" {
  description = "The same as an ARN."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts it."
  type        = string
}

variable "artifacts_bucket_arn" {
  description = "Where models are uploaded, under models/."
  type        = string
}

variable "log_days" {
  description = "Days for which copies are logged."
  type        = number
}
