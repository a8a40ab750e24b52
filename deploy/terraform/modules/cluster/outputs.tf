output "name" {
  description = "The cluster."
  value       = aws_ecs_cluster.main.name
}

output "arn" {
  description = "Its ARN."
  value       = aws_ecs_cluster.main.arn
}

output "namespace_id" {
  description = "The name space of the nodes."
  value       = aws_service_discovery_private_dns_namespace.main.id
}

output "namespace" {
  description = "Its name."
  value       = aws_service_discovery_private_dns_namespace.main.name
}

output "gpu_capacity_provider" {
  description = "The provider of machines with a GPU; null without any."
  value       = one(aws_ecs_capacity_provider.gpu[*].name)
}
