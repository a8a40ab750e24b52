variable "project" {
  description = "The first part of every name."
  type        = string
  default     = "rag-enabler"
}

variable "environment" {
  description = "dev, stage or prod; the second part of every name and the tag Environment."
  type        = string

  validation {
    condition     = contains(["dev", "stage", "prod"], var.environment)
    error_message = "The environment is dev, stage or prod."
  }
}

variable "vpc_id" {
  description = "The VPC that the platform is put into."
  type        = string
}

variable "subnet_tags" {
  description = "Tags that its private subnets carry."
  type        = map(string)
  default     = { Type = "private" }
}

variable "endpoint_zones" {
  description = "Zones that get network interfaces of the VPC endpoints; each costs by the hour."
  type        = number
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

  validation {
    condition     = length(var.operator_cidrs) >= 1 && length(var.operator_cidrs) <= 3
    error_message = "A rule of the balancer has room for one to three networks."
  }
}

variable "link_principals" {
  description = "ARNs that may connect by PrivateLink; none for no link."
  type        = list(string)
  default     = []
}

variable "issuer_cidrs" {
  description = "Networks of an issuer of tokens outside the VPC; none when an endpoint stands for it."
  type        = list(string)
  default     = []
}

variable "extra_endpoints" {
  description = "Further interface endpoints, such as cognito-idp."
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

variable "image_tag" {
  description = "The version that runs: the tag of every image."
  type        = string
}

variable "collector_tag" {
  description = "The version of the AWS Distro for OpenTelemetry."
  type        = string
  default     = "v0.43.3"
}

variable "model" {
  description = "The language model: auto, llama3-8b, tinyllama or another of `rag-enabler models list`."
  type        = string
}

variable "models_gib_max" {
  description = "GiB that are planned for the models; the alarm stands at 90 %."
  type        = number
  default     = 50
}

variable "shard_count" {
  description = "Shards of a new store. A store keeps the count that it was created with."
  type        = number
}

variable "replicas" {
  description = "Nodes that follow each shard beside its owner."
  type        = number
}

variable "retention_days" {
  description = "Days until a document is erased."
  type        = number
  default     = 90
}

variable "undo_days" {
  description = "Days for which what was erased can still be brought back from the bucket's versions."
  type        = number
  default     = 7
}

variable "rate_per_address" {
  description = "The setting http.rate_per_address: requests of one address in a minute."
  type        = number
  default     = 100
}

variable "rate_per_key" {
  description = "The setting http.rate_per_key: requests of one key in a minute; 0 for no limit."
  type        = number
  default     = 0
}

variable "firewall_rate_per_minute" {
  description = "Requests of one address in a minute before the firewall refuses it; above rate_per_address, whose refusal says when to come back."
  type        = number

  validation {
    condition     = var.firewall_rate_per_minute >= 10
    error_message = "The firewall counts from 10 upwards."
  }
}

variable "countries" {
  description = "Countries that may ask, as two letters."
  type        = list(string)
  default     = ["BR"]
}

variable "log_filter" {
  description = "The setting log.filter."
  type        = string
  default     = "info"
}

variable "log_days" {
  description = "Days for which logs are kept; one of the numbers that CloudWatch knows."
  type        = number
}

variable "settings" {
  description = "Further settings of every node, as the environment's variables: what this configuration has no variable for."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "RAG_ENABLER_")])
    error_message = "A node's settings begin with RAG_ENABLER_."
  }
}

variable "rotation_days" {
  description = "Days between rotations of the key and the Redis's password."
  type        = number
  default     = 30

  validation {
    condition     = var.rotation_days >= 1 && var.rotation_days <= 90
    error_message = "Secrets are rotated every 1 to 90 days."
  }
}

variable "exec_enabled" {
  description = "Whether people may open a shell in a task."
  type        = bool
}

variable "protected" {
  description = "Whether the balancer is protected from deletion, and changes of the Redis wait for its window."
  type        = bool
}

variable "timezone" {
  description = "The time zone of working hours."
  type        = string
  default     = "America/Sao_Paulo"
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
  description = "What a month may cost, in US dollars: told at 80 % spent and at 100 % foreseen."
  type        = number
}

variable "api" {
  description = "Nodes that the balancer reaches."
  type = object({
    cpu             = number
    memory          = number
    disk_gib        = optional(number, 30)
    gpus            = optional(number, 0)
    count_min       = number
    count_max       = number
    count_min_night = optional(number)
  })
}

variable "documents" {
  description = "Nodes that own shards."
  type = object({
    cpu             = number
    memory          = number
    disk_gib        = optional(number, 30)
    gpus            = optional(number, 0)
    count_min       = number
    count_max       = number
    count_min_night = optional(number)
  })
}

variable "ocr" {
  description = "Nodes that read pages."
  type = object({
    cpu             = number
    memory          = number
    disk_gib        = optional(number, 30)
    gpus            = optional(number, 0)
    count_min       = number
    count_max       = number
    count_min_night = optional(number)
  })
}

variable "embedding" {
  description = "Nodes that embed."
  type = object({
    cpu             = number
    memory          = number
    disk_gib        = optional(number, 30)
    gpus            = optional(number, 0)
    count_min       = number
    count_max       = number
    count_min_night = optional(number)
  })
}

variable "generation" {
  description = "Nodes that write answers; with gpus on machines with a GPU, else on Fargate."
  type = object({
    cpu             = number
    memory          = number
    disk_gib        = optional(number, 30)
    gpus            = optional(number, 0)
    count_min       = number
    count_max       = number
    count_min_night = optional(number)
  })
}

variable "gpu" {
  description = "Machines with a GPU: how many are not Spot, which type, what else when there is none of it."
  type = object({
    on_demand_base = number
    instance_type  = string
    alternatives   = list(string)
  })
  default = {
    on_demand_base = 0
    instance_type  = "g4dn.xlarge"
    alternatives   = ["g5.xlarge", "g6.xlarge"]
  }
}

variable "redis" {
  description = "The Redis: type, shards, replicas of each, days of snapshots."
  type = object({
    node_type     = string
    shards        = number
    replicas      = number
    snapshot_days = number
  })
}
