output "url" {
  description = "The value of the setting cache.url."
  value       = local.sharded ? "rediss-cluster://${local.address}:6379" : "rediss://${local.address}:6379"
}

output "host" {
  description = "Its address."
  value       = local.address
}

output "replication_group_id" {
  description = "Its identifier."
  value       = aws_elasticache_replication_group.main.id
}

output "replication_group_arn" {
  description = "Its ARN."
  value       = aws_elasticache_replication_group.main.arn
}

output "first_password" {
  description = "The password until the first rotation."
  value       = random_password.first.result
  sensitive   = true
}

output "member_clusters" {
  description = "The identifiers that CloudWatch knows its nodes by."
  value       = aws_elasticache_replication_group.main.member_clusters
}
