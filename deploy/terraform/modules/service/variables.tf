variable "name" {
  description = "Prefix of every name, such as rag-enabler-prod."
  type        = string
}

variable "service" {
  description = "The service's own name, such as ocr; nodes are named after it."
  type        = string
}

variable "roles" {
  description = "The roles of its nodes."
  type        = list(string)
}

variable "image" {
  description = "The image of the node, with its tag."
  type        = string
}

variable "door_image" {
  description = "The image of the TLS door; empty for a service that no balancer reaches."
  type        = string
}

variable "cpu" {
  description = "Units of the task: 1024 for one processor."
  type        = number
}

variable "memory" {
  description = "MiB of the task."
  type        = number
}

variable "disk_gib" {
  description = "GiB of the task's own disk, 21 to 200: indexes, and uploads on their way."
  type        = number
}

variable "gpus" {
  description = "GPUs of the task; with any, it runs on a machine of the cluster."
  type        = number
}

variable "capacity" {
  description = "Where tasks are placed."
  type        = list(object({ provider = string, base = number, weight = number }))
}

variable "count_min" {
  description = "Tasks at least."
  type        = number
}

variable "count_max" {
  description = "Tasks at most."
  type        = number
}

variable "count_min_night" {
  description = "Tasks at least outside working hours; null for no difference."
  type        = number
  default     = null
}

variable "timezone" {
  description = "The time zone of working hours."
  type        = string
}

variable "queue_role" {
  description = "The role whose queue the service grows with; empty for none."
  type        = string
}

variable "queue_target" {
  description = "Jobs that may wait per task."
  type        = number
}

variable "environment" {
  description = "Further settings, as the environment's variables."
  type        = map(string)
}

variable "secrets" {
  description = "Secrets, by the variable that carries them."
  type        = map(string)
}

variable "secret_arns" {
  description = "The secrets that those lie in."
  type        = list(string)
}

variable "repository_arns" {
  description = "The repositories of its images."
  type        = list(string)
}

variable "public_repository_arn" {
  description = "The repositories of mirrored images."
  type        = string
}

variable "kms_key_arn" {
  description = "The key of data, logs and secrets."
  type        = string
}

variable "data_bucket_arn" {
  description = "The bucket of the truth."
  type        = string
}

variable "data_prefix" {
  description = "The platform's prefix in it."
  type        = string
}

variable "models" {
  description = "The file system of the models; null for a service that loads none."
  type = object({
    file_system_id   = string
    file_system_arn  = string
    access_point_id  = string
    access_point_arn = string
  })
  default = null
}

variable "collector" {
  description = "What watches each node."
  type = object({
    image          = string
    config         = string
    prometheus_url = string
    prometheus_arn = string
  })
}

variable "target_group_arn" {
  description = "Where its nodes are entered for the balancer; null for none."
  type        = string
  default     = null
}

variable "cluster_arn" {
  description = "The cluster."
  type        = string
}

variable "cluster_name" {
  description = "Its name."
  type        = string
}

variable "namespace_id" {
  description = "Where nodes find each other."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "The nodes security group."
  type        = string
}

variable "exec_enabled" {
  description = "Whether people may open a shell in a task."
  type        = bool
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
}
