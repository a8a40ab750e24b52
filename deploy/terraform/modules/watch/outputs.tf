output "prometheus_url" {
  description = "Where collectors write to."
  value       = aws_prometheus_workspace.main.prometheus_endpoint
}

output "prometheus_arn" {
  description = "The workspace."
  value       = aws_prometheus_workspace.main.arn
}

output "critical_topic_arn" {
  description = "Who is woken."
  value       = aws_sns_topic.critical.arn
}

output "dashboard" {
  description = "The board."
  value       = aws_cloudwatch_dashboard.main.dashboard_name
}
