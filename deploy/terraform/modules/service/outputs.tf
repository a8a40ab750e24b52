output "service_name" {
  description = "The ECS service."
  value       = aws_ecs_service.main.name
}

output "log_group" {
  description = "Its log."
  value       = aws_cloudwatch_log_group.service.name
}

output "node_role_arn" {
  description = "What its nodes may do."
  value       = aws_iam_role.node.arn
}
