output "dns_name" {
  description = "The balancer's own name."
  value       = module.edge.dns_name
}

output "link_service_name" {
  description = "What other VPCs connect to by PrivateLink; null without."
  value       = module.edge.link_service_name
}

output "data_bucket" {
  description = "The bucket of the truth."
  value       = module.storage.data_bucket
}

output "artifacts_bucket" {
  description = "Where models are uploaded, under models/."
  value       = module.storage.artifacts_bucket
}

output "models_copy_task_arn" {
  description = "Start it when a model was uploaded."
  value       = module.models.copy_task_arn
}

output "repository_urls" {
  description = "Where images are pushed."
  value       = module.registry.repository_urls
}

output "authority_secret_arn" {
  description = "Where the authority of the links is put in by hand."
  value       = module.secrets.authority_arn
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = module.cluster.name
}

output "service_names" {
  description = "The ECS services."
  value       = [for one in module.service : one.service_name]
}

output "dashboard" {
  description = "The CloudWatch board."
  value       = module.watch.dashboard
}

output "prometheus_url" {
  description = "The Prometheus that a Grafana reads."
  value       = module.watch.prometheus_url
}
