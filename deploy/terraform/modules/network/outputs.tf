output "balancer_security_group_id" {
  description = "The balancer's security group."
  value       = aws_security_group.balancer.id
}

output "nodes_security_group_id" {
  description = "The nodes' security group."
  value       = aws_security_group.nodes.id
}

output "redis_security_group_id" {
  description = "The Redis's security group."
  value       = aws_security_group.redis.id
}

output "models_security_group_id" {
  description = "The security group of the models' file system."
  value       = aws_security_group.models.id
}

output "rotation_security_group_id" {
  description = "The security group of the function that rotates secrets."
  value       = aws_security_group.rotation.id
}

output "s3_endpoint_id" {
  description = "The gateway endpoint; the data bucket is read and written through it alone."
  value       = aws_vpc_endpoint.s3.id
}

output "models_security_group_arn" {
  description = "The same as an ARN."
  value       = aws_security_group.models.arn
}
