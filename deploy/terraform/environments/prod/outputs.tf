output "platform" {
  description = "What the steps after `apply` need: addresses, buckets, repositories, tasks."
  value       = module.platform
}
