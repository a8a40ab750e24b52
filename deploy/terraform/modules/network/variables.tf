variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "vpc_id" {
  description = "The VPC that everything is put into."
  type        = string
}

variable "route_table_ids" {
  description = "Route tables of the private subnets; the S3 endpoint is entered into them."
  type        = list(string)
}

variable "endpoint_subnet_ids" {
  description = "Private subnets that get a network interface of each endpoint; one is enough for dev, one per zone for prod."
  type        = list(string)
}

variable "client_cidrs" {
  description = "Networks whose applications may reach the API."
  type        = list(string)
}

variable "client_security_group_ids" {
  description = "Security groups of applications that may reach the API."
  type        = list(string)
}

variable "issuer_cidrs" {
  description = "Networks of an issuer of tokens that is reached without an endpoint; none when Cognito's endpoint or no tokens are used."
  type        = list(string)
}

variable "extra_endpoints" {
  description = "Further interface endpoints, such as cognito-idp."
  type        = list(string)
}

variable "exec_enabled" {
  description = "Whether people may open a shell in a task (ECS Exec)."
  type        = bool
}
