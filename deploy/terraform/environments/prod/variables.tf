variable "account_id" {
  description = "The account that this environment is in; any other is refused."
  type        = string
}

variable "region" {
  description = "The region that nothing leaves."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "client_cidrs" {
  description = "Networks whose applications may reach the API."
  type        = list(string)
}

variable "client_security_group_ids" {
  description = "Security groups of applications that may reach the API."
  type        = list(string)
  default     = []
}

variable "operator_cidrs" {
  description = "Networks that may see the operator pages; one to three."
  type        = list(string)
}

variable "link_principals" {
  description = "ARNs that may connect by PrivateLink."
  type        = list(string)
  default     = []
}

variable "host" {
  description = "The name that applications use."
  type        = string
}

variable "zone_id" {
  description = "The private hosted zone of that name; empty when it is entered elsewhere."
  type        = string
  default     = ""
}

variable "certificate_arn" {
  description = "The certificate of that name in ACM."
  type        = string
}

variable "jwks_url" {
  description = "Where the keys of tokens are; empty when only API keys are taken."
  type        = string
  default     = ""
}

variable "jwt_issuer" {
  description = "The only issuer whose tokens are taken."
  type        = string
  default     = ""
}

variable "jwt_audience" {
  description = "The only audience whose tokens are taken."
  type        = string
  default     = ""
}

variable "extra_endpoints" {
  description = "Further interface endpoints, such as cognito-idp."
  type        = list(string)
  default     = []
}

variable "issuer_cidrs" {
  description = "Networks of an issuer of tokens outside the VPC."
  type        = list(string)
  default     = []
}

variable "critical_emails" {
  description = "Who is woken."
  type        = list(string)
}

variable "warning_emails" {
  description = "Who looks on the same day."
  type        = list(string)
}

variable "image_tag" {
  description = "The version that runs."
  type        = string
}

variable "settings" {
  description = "Further settings of every node, as the environment's variables."
  type        = map(string)
  default     = {}
}
