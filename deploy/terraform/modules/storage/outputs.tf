output "kms_key_arn" {
  description = "The key of everything that lasts."
  value       = aws_kms_key.main.arn
}

output "data_bucket" {
  description = "The name of the bucket that holds the truth."
  value       = aws_s3_bucket.data.id
}

output "data_bucket_arn" {
  description = "Its ARN."
  value       = aws_s3_bucket.data.arn
}

output "artifacts_bucket" {
  description = "The name of the bucket that models pass through."
  value       = aws_s3_bucket.artifacts.id
}

output "artifacts_bucket_arn" {
  description = "Its ARN."
  value       = aws_s3_bucket.artifacts.arn
}

output "logs_bucket" {
  description = "The name of the bucket of access logs; usable once its policy is there."
  value       = aws_s3_bucket_policy.logs.bucket
}
