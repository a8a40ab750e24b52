variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two zones at least."
  type        = list(string)
}

variable "security_group_id" {
  description = "The balancer's security group."
  type        = string
}

variable "certificate_arn" {
  description = "The certificate of the host, in ACM."
  type        = string
}

variable "host" {
  description = "The name that applications use, such as rag-enabler.internal.example.com."
  type        = string
}

variable "zone_id" {
  description = "The private hosted zone of that name; empty when the name is entered elsewhere."
  type        = string
}

variable "logs_bucket" {
  description = "Where access logs go."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts logs."
  type        = string
}

variable "log_days" {
  description = "Days for which the firewall's log is kept."
  type        = number
}

variable "protected" {
  description = "Whether the balancer is protected from deletion."
  type        = bool
}

variable "rate_per_minute" {
  description = "Requests that one address may send in a minute before the firewall refuses it; the platform's own limits are finer."
  type        = number
}

variable "countries" {
  description = "Countries that may ask, as two letters."
  type        = list(string)
}

variable "inside_cidrs" {
  description = "Networks without a country: the VPC and what is linked to it."
  type        = list(string)
}

variable "operator_cidrs" {
  description = "Networks that may see the operator pages; at most three, as a balancer's rule has room for."
  type        = list(string)
}

variable "link_principals" {
  description = "ARNs of accounts or roles that may connect by PrivateLink; none for no link."
  type        = list(string)
}
