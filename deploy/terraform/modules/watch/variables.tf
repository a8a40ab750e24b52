variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "environment" {
  description = "The value of the tag Environment, which the budget counts by."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts."
  type        = string
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
}

variable "cluster_name" {
  description = "The ECS cluster."
  type        = string
}

variable "service_names" {
  description = "The names of the ECS services."
  type        = list(string)
}

variable "log_groups" {
  description = "The logs of the services, by the service."
  type        = map(string)
}

variable "balancer_suffix" {
  description = "How CloudWatch names the balancer."
  type        = string
}

variable "target_group_suffix" {
  description = "How CloudWatch names the target group."
  type        = string
}

variable "web_acl_name" {
  description = "The firewall."
  type        = string
}

variable "replication_group_id" {
  description = "The Redis."
  type        = string
}

variable "file_system_id" {
  description = "The file system of the models."
  type        = string
}

variable "models_gib_max" {
  description = "GiB that are planned for the models."
  type        = number
}

variable "rotation_function_name" {
  description = "The function that rotates secrets."
  type        = string
}

variable "model" {
  description = "The language model whose time is watched by CloudWatch, such as llama3-8b."
  type        = string
}

variable "alert_rules" {
  description = "The rules for Prometheus, as YAML."
  type        = string
}

variable "critical_emails" {
  description = "Who is woken."
  type        = list(string)
}

variable "warning_emails" {
  description = "Who looks on the same day."
  type        = list(string)
}

variable "budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
}
