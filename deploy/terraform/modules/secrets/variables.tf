variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts it."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the function."
  type        = list(string)
}

variable "security_group_id" {
  description = "The function's security group."
  type        = string
}

variable "rotation_days" {
  description = "Days between rotations."
  type        = number
}

variable "log_days" {
  description = "Days for which rotations are logged."
  type        = number
}

variable "redis_first_password" {
  description = "The password that the Redis was made with; replaced at once."
  type        = string
  sensitive   = true
}

variable "redis_host" {
  description = "The Redis's address."
  type        = string
}

variable "replication_group_id" {
  description = "The Redis's identifier."
  type        = string
}

variable "replication_group_arn" {
  description = "Its ARN."
  type        = string
}

variable "cluster_name" {
  description = "The ECS cluster whose services are deployed anew with a new secret."
  type        = string
}

variable "cluster_arn" {
  description = "Its ARN."
  type        = string
}
