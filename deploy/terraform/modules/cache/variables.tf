variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "The Redis's security group."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts it."
  type        = string
}

variable "node_type" {
  description = "Such as cache.t4g.small."
  type        = string
}

variable "shards" {
  description = "More than one makes it a Redis cluster."
  type        = number
}

variable "replicas" {
  description = "Replicas of each shard; one or more brings fail-over to another zone."
  type        = number
}

variable "snapshot_days" {
  description = "Days for which daily snapshots are kept."
  type        = number
}

variable "log_days" {
  description = "Days for which slow commands are kept."
  type        = number
}

variable "apply_immediately" {
  description = "Whether changes wait for the maintenance window."
  type        = bool
}
