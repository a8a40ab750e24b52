output "repository_urls" {
  description = "The address of each image's repository."
  value       = { for name, one in aws_ecr_repository.image : name => one.repository_url }
}

output "repository_arns" {
  description = "Their ARNs."
  value       = [for one in aws_ecr_repository.image : one.arn]
}

output "public_prefix" {
  description = "What stands before the name of an image of public.ecr.aws."
  value       = "${data.aws_caller_identity.current.account_id}.dkr.ecr.${data.aws_region.current.region}.amazonaws.com/${aws_ecr_pull_through_cache_rule.public.ecr_repository_prefix}"
}

output "public_arn" {
  description = "The ARN of everything behind that prefix."
  value       = "arn:aws:ecr:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:repository/${aws_ecr_pull_through_cache_rule.public.ecr_repository_prefix}/*"
}
