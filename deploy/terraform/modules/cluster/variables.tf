variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "nodes_security_group_id" {
  description = "The nodes' security group."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts logs."
  type        = string
}

variable "log_days" {
  description = "Days for which shells are logged."
  type        = number
}

variable "gpu_count_max" {
  description = "Machines with a GPU at most; 0 for none."
  type        = number
}

variable "gpu_on_demand_base" {
  description = "How many of them are not Spot."
  type        = number
}

variable "gpu_instance_type" {
  description = "Such as g4dn.xlarge."
  type        = string
}

variable "gpu_instance_alternatives" {
  description = "What is taken when there is none of it."
  type        = list(string)
}
