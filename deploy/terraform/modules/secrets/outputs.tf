output "key_arn" {
  description = "The first API key."
  value       = aws_secretsmanager_secret_version.key.arn
}

output "redis_arn" {
  description = "The Redis's password."
  value       = aws_secretsmanager_secret_version.redis.arn
}

output "authority_arn" {
  description = "The authority of the links."
  value       = aws_secretsmanager_secret.authority.arn
}

output "function_name" {
  description = "The function that rotates."
  value       = aws_lambda_function.rotation.function_name
}
