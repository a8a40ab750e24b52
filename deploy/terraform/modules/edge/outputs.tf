output "target_group_arn" {
  description = "Where nodes with the role api are entered; usable once the listener is there."
  value       = aws_lb_listener.api.default_action[0].target_group_arn
}

output "target_group_suffix" {
  description = "How CloudWatch names it."
  value       = aws_lb_target_group.api.arn_suffix
}

output "balancer_suffix" {
  description = "How CloudWatch names the balancer."
  value       = aws_lb.main.arn_suffix
}

output "dns_name" {
  description = "The balancer's own name."
  value       = aws_lb.main.dns_name
}

output "web_acl_name" {
  description = "The firewall's name."
  value       = aws_wafv2_web_acl.main.name
}

output "link_service_name" {
  description = "What other VPCs connect to."
  value       = one(aws_vpc_endpoint_service.link[*].service_name)
}
